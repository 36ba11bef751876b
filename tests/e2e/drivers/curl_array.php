<?php
// PHP's curl, given an array of fields: it sends multipart/form-data.

$service = getenv('SERVICE') ?: 'rest.akismet.com';
$visitor = ['user_ip' => '192.0.2.7', 'user_agent' => 'Mozilla/5.0', 'comment_type' => 'comment'];
$ham = $visitor + ['comment_author' => 'Anna', 'comment_content' => getenv('HAM')];
$spam = $visitor + ['comment_author' => 'viagra-test-123', 'comment_content' => getenv('SPAM')];

function call(string $key, string $path, array $fields): string
{
    global $service;
    $handle = curl_init("https://$key.$service/1.1/$path");
    curl_setopt_array($handle, [
        CURLOPT_POSTFIELDS => $fields + ['key' => $key, 'blog' => getenv('BLOG')],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 20,
        CURLOPT_CAINFO => getenv('SSL_CERT_FILE'),
    ]);
    $body = curl_exec($handle);
    if ($body === false) {
        throw new RuntimeException(curl_error($handle));
    }
    return $body;
}

function verdict(string $key, array $comment): string
{
    return ['true' => 'spam', 'false' => 'ham'][call($key, 'comment-check', $comment)] ?? 'error';
}

$key = getenv('KEY');
$wrong = getenv('WRONG_KEY');
$thanks = 'Thanks for making the web a better place.';
echo json_encode([
    'verified' => call($key, 'verify-key', []) === 'valid',
    'wrong_verified' => call($wrong, 'verify-key', []) !== 'invalid',
    'ham' => verdict($key, $ham),
    'spam' => verdict($key, $spam),
    'wrong' => verdict($wrong, $ham),
    'submitted' => call($key, 'submit-ham', $ham) === $thanks && call($key, 'submit-spam', $spam) === $thanks,
]);
