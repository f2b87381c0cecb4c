<?php

declare(strict_types=1);

function page_home(): void
{
    $cards = [
        ['/hello/World', 'Hello', 'A name taken out of the path. Try a space, an umlaut or a quote in it.'],
        ['/form', 'Form', 'GET shows it, POST checks what you wrote and redirects.'],
        ['/upload', 'Upload', 'A multipart upload, a list, downloads, deletion.'],
        ['/events', 'Events', 'Five server-sent events, one a second, none of them buffered.'],
        ['/vars', 'Variables', 'What PHP was told about this request; also as JSON.'],
        ['/slow?s=2', 'Slow', 'A worker that is busy for two seconds.'],
        ['/status/418', 'Status', 'Any status code you like.'],
        ['/notice', 'Notice', 'A PHP warning and a line for the log; look at the gateway\'s output.'],
        ['/error', 'Error', 'An uncaught exception: 500 here, the reason in the log.'],
        ['/no/such/page', 'Not found', 'The site\'s own 404 page.'],
        ['/assets/logo.svg', 'Static file', 'Sent by the gateway, without PHP.'],
        ['/src/pages.php', 'Source code', 'Which you will not get.'],
    ];
    $body = '<p class="lead">This site exercises what a gateway in front of php-fpm has to do. Each card is one thing to try.</p><div class="cards">';
    foreach ($cards as [$href, $name, $text]) {
        $body .= '<a class="card" href="' . e($href) . '"><strong>' . e($name) . '</strong><span>' . e($text) . '</span></a>';
    }
    view('It works', $body . '</div>');
}

function page_hello(string $name = ''): void
{
    $name = $name === '' ? 'stranger' : $name;
    view('Hello, ' . $name, '<p>Your name came to PHP as ' . strlen($name) . ' bytes, <code>' . e(rawurlencode($name)) . '</code> when encoded.</p>'
        . '<p><a href="/hello/' . e(rawurlencode('Jürgen "X" <b>')) . '">A more difficult one</a></p>');
}

/** @param array<string,string> $errors */
function form_html(string $name, string $age, array $errors): string
{
    $field = function (string $id, string $label, string $value, string $attributes) use ($errors): string {
        $error = $errors[$id] ?? '';
        $hint = $error === '' ? '' : '<span class="error" id="' . $id . '-error">' . e($error) . '</span>';
        $aria = $error === '' ? '' : ' aria-invalid="true" aria-describedby="' . $id . '-error"';
        return '<label for="' . $id . '">' . $label . '</label><input id="' . $id . '" name="' . $id . '" value="'
            . e($value) . '" ' . $attributes . $aria . '>' . $hint;
    };
    return '<form method="post" action="/form" novalidate>'
        . $field('name', 'Name', $name, 'autocomplete="name" maxlength="80"')
        . $field('age', 'Age', $age, 'inputmode="numeric"')
        . '<button>Send</button></form>';
}

function page_form(): void
{
    $name = query('name');
    $thanks = $name === '' ? '' : '<p class="note" role="status">Thank you, ' . e($name) . ' (' . e(query('age')) . ').</p>';
    view('Form', $thanks . '<p>Leave a field empty to see it refused.</p>' . form_html('', '', []));
}

/** Shows the form again when something is wrong, else redirects, so that a reload sends nothing twice. */
function page_form_submit(): void
{
    $name = trim(posted('name'));
    $age = trim(posted('age'));
    $errors = [];
    if ($name === '' || mb_or_byte_length($name) > 80) {
        $errors['name'] = 'A name of 1 to 80 characters, please.';
    }
    if (!ctype_digit($age) || (int) $age > 150 || strlen($age) > 3) {
        $errors['age'] = 'A number from 0 to 150, please.';
    }
    if ($errors) {
        view('Form', '<p>That was not quite it.</p>' . form_html($name, $age, $errors), 422);
        return;
    }
    redirect('/form?' . http_build_query(['name' => $name, 'age' => $age]));
}

function mb_or_byte_length(string $text): int
{
    return preg_match_all('/./su', $text) ?: strlen($text);
}

/** A query or form field as text; arrays and missing ones are empty. */
function query(string $key): string
{
    return is_string($_GET[$key] ?? null) ? $_GET[$key] : '';
}

function posted(string $key): string
{
    return is_string($_POST[$key] ?? null) ? $_POST[$key] : '';
}

function page_vars(): void
{
    $vars = [
        '_SERVER' => $_SERVER,
        '_GET' => $_GET,
        '_COOKIE' => $_COOKIE,
        'getenv' => getenv(),
    ];
    foreach ($vars as &$group) {
        ksort($group);
    }
    unset($group);
    if (query('format') === 'json') {
        header('Content-Type: application/json');
        header('Cache-Control: no-store');
        header('X-Content-Type-Options: nosniff');
        echo json_encode($vars, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
        return;
    }
    $body = '<p>Also <a href="/vars?format=json">as JSON</a>. A public site should not show this page.</p>';
    foreach ($vars as $name => $values) {
        $body .= '<h2>' . e($name) . '</h2><div class="wide"><table>';
        foreach ($values as $key => $value) {
            $text = is_scalar($value) ? (string) $value : (string) json_encode($value);
            $body .= '<tr><th scope="row">' . e((string) $key) . '</th><td>' . e($text) . '</td></tr>';
        }
        $body .= ($values ? '' : '<tr><td>empty</td></tr>') . '</table></div>';
    }
    view('Variables', $body);
}

function page_slow(): void
{
    $seconds = min(30.0, max(0.0, (float) (query('s') === '' ? '1' : query('s'))));
    $begin = microtime(true);
    usleep((int) ($seconds * 1e6));
    view('Slow', sprintf('<p>This took %.2f seconds of a worker\'s time.</p>', microtime(true) - $begin));
}

function page_events(): void
{
    view('Events', '<p>Each line comes from the server when it happens. Without a script you see them <a href="/stream">as plain text</a>.</p>'
        . '<p><button type="button" id="start" hidden>Start again</button></p><ol id="events" aria-live="polite"></ol>');
}

/** Five server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
function page_stream(): void
{
    header('Content-Type: text/event-stream');
    header('Cache-Control: no-store');
    while (ob_get_level() > 0) {
        ob_end_flush();
    }
    $every = min(5.0, max(0.05, (float) (query('every') === '' ? '1' : query('every'))));
    for ($i = 1; $i <= 5; $i++) {
        echo "id: $i\nevent: tick\ndata: tick $i of 5 at ", gmdate('H:i:s'), "\n\n";
        flush();
        if ($i < 5) {
            usleep((int) ($every * 1e6));
        }
    }
    echo "event: end\ndata: that was it\n\n";
}

function page_error(): void
{
    throw new RuntimeException('an exception on purpose');
}

function page_notice(): void
{
    trigger_error('a warning on purpose', E_USER_WARNING);
    error_log('a line for the log on purpose');
    view('Notice', '<p>Two lines went to FastCGI\'s stderr. The gateway shows them next to this request in its log.</p>');
}

function page_status(string $code): void
{
    $status = (int) $code;
    if ($status < 200 || $status > 599) {
        page_problem(400, 'A final status code lies between 200 and 599.');
        return;
    }
    if (in_array($status, [204, 205, 304], true)) { // these have no body
        http_response_code($status);
        return;
    }
    view('Status ' . $status, '<p>As you asked for.</p>', $status);
}

function page_problem(int $status, string $text): void
{
    view((string) $status, '<p>' . e($text) . '</p><p><a href="/">To the first page</a></p>', $status);
}
