<?php

declare(strict_types=1);

// The front controller: every request that is not for a file in this directory
// arrives here. Nothing else in this site can be run through the web server;
// the rest of its code lies outside of the document root.

require __DIR__ . '/../src/view.php';
require __DIR__ . '/../src/pages.php';
require __DIR__ . '/../src/uploads.php';

/** Pages by pattern; named groups become arguments. */
const ROUTES = [
    ['GET', '#^/$#', 'page_home'],
    ['GET', '#^/hello(?:/(?<name>[^/]*))?$#', 'page_hello'],
    ['GET', '#^/form$#', 'page_form'],
    ['POST', '#^/form$#', 'page_form_submit'],
    ['GET', '#^/upload$#', 'page_uploads'],
    ['POST', '#^/upload$#', 'page_upload_store'],
    ['GET', '#^/upload/(?<id>[0-9a-f]{16})$#', 'page_upload_download'],
    ['POST', '#^/upload/(?<id>[0-9a-f]{16})/delete$#', 'page_upload_delete'],
    ['GET', '#^/vars$#', 'page_vars'],
    ['GET', '#^/slow$#', 'page_slow'],
    ['GET', '#^/events$#', 'page_events'],
    ['GET', '#^/stream$#', 'page_stream'],
    ['GET', '#^/error$#', 'page_error'],
    ['GET', '#^/notice$#', 'page_notice'],
    ['GET', '#^/status/(?<code>[0-9]{3})$#', 'page_status'],
];

/** The decoded path of the request, whatever script the server found for it. */
function request_path(): string
{
    $raw = explode('?', $_SERVER['REQUEST_URI'] ?? '/', 2)[0];
    return rawurldecode($raw);
}

function dispatch(string $method, string $path): void
{
    $allowed = [];
    foreach (ROUTES as [$verb, $pattern, $page]) {
        if (!preg_match($pattern . 'D', $path, $found)) {
            continue;
        }
        if ($verb === $method || ($verb === 'GET' && $method === 'HEAD')) {
            $page(...array_filter($found, 'is_string', ARRAY_FILTER_USE_KEY));
            return;
        }
        $allowed[] = $verb;
    }
    if ($allowed) {
        header('Allow: ' . implode(', ', $allowed));
        page_problem(405, 'That page exists, but not for this method.');
        return;
    }
    page_problem(404, 'There is no page at ' . $path . '.');
}

set_exception_handler(function (Throwable $e): void {
    error_log((string) $e); // goes to the gateway through FastCGI's stderr
    if (!headers_sent()) {
        page_problem(500, 'The script threw an exception. What it said is in the gateway\'s log, not here.');
    }
});

dispatch($_SERVER['REQUEST_METHOD'] ?? 'GET', request_path());
