<?php

declare(strict_types=1);

/** Escapes text for HTML, in elements and in quoted attributes. */
function e(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8');
}

/** The headers that every HTML page gets. */
function html_headers(int $status): void
{
    http_response_code($status);
    header('Content-Type: text/html; charset=utf-8');
    header("Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
    header('Referrer-Policy: same-origin');
    header('X-Content-Type-Options: nosniff');
    header('Cache-Control: no-store');
}

/** Prints a whole page. $body is HTML, $title is text. */
function view(string $title, string $body, int $status = 200): void
{
    html_headers($status);
    $php = e(PHP_VERSION . ' (' . PHP_SAPI . ')');
    $server = e($_SERVER['SERVER_SOFTWARE'] ?? 'an unnamed server');
    $pid = getmypid();
    $title = e($title);
    echo <<<HTML
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>$title · fcgigw example</title>
        <link rel="icon" href="/assets/logo.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/assets/style.css">
        <script src="/assets/app.js" defer></script>
        </head>
        <body>
        <a class="skip" href="#main">Skip to content</a>
        <header class="top">
        <a class="brand" href="/"><img src="/assets/logo.svg" alt="" width="32" height="32"> fcgigw <span>example site</span></a>
        <nav aria-label="Pages">
        <a href="/form">Form</a> <a href="/upload">Upload</a> <a href="/events">Events</a> <a href="/vars">Variables</a>
        </nav>
        </header>
        <main id="main">
        <h1>$title</h1>
        $body
        </main>
        <footer>PHP $php, worker $pid, behind $server</footer>
        </body>
        </html>

        HTML;
}

/** Sends the browser to another page of this site after a POST. */
function redirect(string $path): void
{
    header('Location: ' . $path, true, 303);
    header('Cache-Control: no-store');
}

/** A size as people read it. */
function human_size(int $bytes): string
{
    foreach (['B', 'KiB', 'MiB'] as $unit) {
        if ($bytes < 1024) {
            return ($unit === 'B' ? $bytes : number_format($bytes, 1)) . ' ' . $unit;
        }
        $bytes /= 1024;
    }
    return number_format($bytes, 1) . ' GiB';
}
