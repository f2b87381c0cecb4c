<?php

declare(strict_types=1);

// Uploaded files lie outside of the document root under random names, so that
// nothing in them can ever be run or guessed. What the sender called a file is
// kept beside it and is only ever shown, or offered as a name to save under.

const UPLOAD_MAX_FILES = 50;

/** The storage directory: $FCGIGW_EXAMPLE_STORAGE or one for this user beneath the temporary directory. */
function storage(): string
{
    $user = function_exists('posix_geteuid') ? (string) posix_geteuid() : get_current_user();
    $dir = getenv('FCGIGW_EXAMPLE_STORAGE') ?: sys_get_temp_dir() . '/fcgigw-example-' . $user;
    if (!is_dir($dir) && !mkdir($dir, 0700) && !is_dir($dir)) {
        throw new RuntimeException('cannot create ' . $dir);
    }
    if (is_link($dir) || (function_exists('posix_geteuid') && fileowner($dir) !== posix_geteuid())) {
        throw new RuntimeException($dir . ' belongs to somebody else');
    }
    return $dir;
}

/** A name that is fit for a header and for a list: the last path element, printable, at most 100 bytes. */
function clean_name(string $name): string
{
    $name = basename(str_replace('\\', '/', $name));
    $name = preg_replace('/[\x00-\x1f\x7f"\/:*?<>|%;]+/', '_', $name) ?? '';
    if (!preg_match('//u', $name)) {
        $name = preg_replace('/[^\x20-\x7e]+/', '_', $name) ?? '';
    }
    $name = trim(preg_replace('/^(.{0,100}).*$/su', '$1', $name) ?? '', ". \t");
    return $name === '' ? 'file' : $name;
}

/** @return list<array{id: string, name: string, size: int, time: int}> newest first */
function stored_files(): array
{
    $files = [];
    foreach (glob(storage() . '/*.data') ?: [] as $path) {
        $id = basename($path, '.data');
        if (preg_match('/^[0-9a-f]{16}$/D', $id)) {
            $files[] = ['id' => $id, 'name' => stored_name($id), 'size' => (int) filesize($path), 'time' => (int) filemtime($path)];
        }
    }
    usort($files, fn (array $a, array $b): int => [$b['time'], $b['id']] <=> [$a['time'], $a['id']]);
    return $files;
}

/** $id has the form that the routes allow: 16 hexadecimal digits. */
function stored_name(string $id): string
{
    $name = @file_get_contents(storage() . '/' . $id . '.name');
    return clean_name($name === false ? 'file' : $name);
}

function page_uploads(): void
{
    $rows = '';
    foreach (stored_files() as $file) {
        $rows .= '<tr><td><a href="/upload/' . $file['id'] . '">' . e($file['name']) . '</a></td><td>' . human_size($file['size'])
            . '</td><td>' . gmdate('Y-m-d H:i', $file['time']) . ' UTC</td><td><form class="inline" method="post" action="/upload/' . $file['id']
            . '/delete"><button class="quiet" aria-label="Delete ' . e($file['name']) . '">Delete</button></form></td></tr>';
    }
    $list = $rows === '' ? '<p>No files yet.</p>'
        : '<div class="wide"><table><thead><tr><th>Name</th><th>Size</th><th>Stored</th><th></th></tr></thead><tbody>' . $rows . '</tbody></table></div>';
    view('Upload', '<form method="post" action="/upload" enctype="multipart/form-data"><label for="file">A file of up to '
        . e((string) ini_get('upload_max_filesize')) . '</label><input type="file" id="file" name="file" required><button>Upload</button></form>' . $list);
}

function page_upload_store(): void
{
    $file = $_FILES['file'] ?? null;
    $error = is_array($file) && is_int($file['error'] ?? null) ? $file['error'] : UPLOAD_ERR_NO_FILE;
    if ($error === UPLOAD_ERR_INI_SIZE || $error === UPLOAD_ERR_FORM_SIZE || ((int) ($_SERVER['CONTENT_LENGTH'] ?? 0) > 0 && !$_POST && !$_FILES)) {
        page_problem(413, 'That is more than PHP\'s settings allow.');
        return;
    }
    if ($error !== UPLOAD_ERR_OK) {
        page_problem(422, 'No file arrived (error ' . $error . ').');
        return;
    }
    if (count(stored_files()) >= UPLOAD_MAX_FILES) {
        page_problem(507, 'There are ' . UPLOAD_MAX_FILES . ' files already; delete one first.');
        return;
    }
    $path = storage() . '/' . bin2hex(random_bytes(8));
    if (!move_uploaded_file($file['tmp_name'], $path . '.data')) {
        throw new RuntimeException('cannot store the upload');
    }
    file_put_contents($path . '.name', clean_name($file['name']));
    redirect('/upload');
}

function page_upload_download(string $id): void
{
    $path = storage() . '/' . $id . '.data';
    if (!is_file($path)) {
        page_problem(404, 'There is no such file.');
        return;
    }
    $name = stored_name($id);
    $plain = preg_replace('/[^\x20-\x7e]|[\\\\"]/', '_', $name);
    header('Content-Type: application/octet-stream');
    header('Content-Length: ' . filesize($path));
    header('Content-Disposition: attachment; filename="' . $plain . "\"; filename*=UTF-8''" . rawurlencode($name)); // RFC 6266
    header('X-Content-Type-Options: nosniff');
    header('Content-Security-Policy: sandbox');
    header('Cache-Control: no-store');
    while (ob_get_level() > 0) {
        ob_end_clean();
    }
    if (($_SERVER['REQUEST_METHOD'] ?? '') !== 'HEAD') {
        readfile($path);
    }
}

function page_upload_delete(string $id): void
{
    if (same_site()) {
        @unlink(storage() . '/' . $id . '.data');
        @unlink(storage() . '/' . $id . '.name');
        redirect('/upload');
        return;
    }
    page_problem(403, 'That request came from another site.');
}

/** Refuses what a browser says was sent from another site's page. */
function same_site(): bool
{
    return in_array($_SERVER['HTTP_SEC_FETCH_SITE'] ?? 'none', ['none', 'same-origin'], true);
}
