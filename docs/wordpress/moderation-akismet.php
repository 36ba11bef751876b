<?php
/**
 * Plugin Name: Moderation for Akismet
 * Description: Points the Akismet plugin, as it is, at your own Moderation server.
 * Version: 1.0
 * Requires PHP: 7.4
 * License: MIT
 *
 * Put this file into wp-content/mu-plugins/ and name the server in wp-config.php:
 *
 *     define( 'MODERATION_URL', 'https://rest.example.org' );
 *
 * Without that line, or without a valid address in it, this file changes nothing.
 */

namespace Moderation\Akismet;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

if ( server() === '' ) {
	add_action( 'admin_notices', __NAMESPACE__ . '\ask_for_the_address' );
} else {
	add_filter( 'pre_http_request', __NAMESPACE__ . '\send_to_us', 10, 3 );
	// Link previews would send a third party every address that commenters leave.
	add_filter( 'akismet_enable_mshots', '__return_false' );
	// The settings page would send the key to a frame of akismet.com.
	add_action( 'load-settings_page_akismet-key-config', __NAMESPACE__ . '\show_no_foreign_frames' );
	add_action( 'load-jetpack_page_akismet-key-config', __NAMESPACE__ . '\show_no_foreign_frames' );
}

/** Returns the server's address without a slash at its end; '' if MODERATION_URL is missing or invalid. */
function server(): string {
	$address = defined( 'MODERATION_URL' ) ? \MODERATION_URL : '';
	$parts   = is_string( $address ) ? wp_parse_url( trim( $address ) ) : false;
	if ( ! $parts || empty( $parts['host'] ) || isset( $parts['query'] ) || isset( $parts['fragment'] ) ) {
		return '';
	}
	$is_http = in_array( strtolower( $parts['scheme'] ?? '' ), array( 'http', 'https' ), true );
	return $is_http && key_in_host( $parts['host'] ) === null ? rtrim( trim( $address ), '/' ) : '';
}

/** Returns the key in front of Akismet's host name, '' if there is none; null for every other host. */
function key_in_host( string $host ): ?string {
	return preg_match( '/^(?:([^.]+)\.)?rest\.akismet\.com$/i', $host, $found ) ? $found[1] ?? '' : null;
}

/**
 * Sends a request for Akismet to our server instead, and no other request.
 *
 * @param mixed  $answer The answer of another plugin, false if there is none.
 * @param array  $request The arguments of wp_remote_request().
 * @param string $url     The original address.
 * @return mixed The server's answer, or $answer if the request is not for Akismet.
 */
function send_to_us( $answer, $request, $url ) {
	$parts = wp_parse_url( $url );
	$key   = $answer === false && $parts ? key_in_host( $parts['host'] ?? '' ) : null;
	if ( $key === null ) {
		return $answer;
	}
	$path = $parts['path'] ?? '/';
	$ours = server() . $path . ( isset( $parts['query'] ) ? '?' . $parts['query'] : '' );
	if ( $key !== '' && ! names_a_key( $request['body'] ?? '', $parts['query'] ?? '' ) ) {
		$request['body'] = with_key( $request['body'] ?? '', $key );
	}
	$request['headers'] = without_host( $request['headers'] ?? array() );

	$answer = wp_remote_request( $ours, $request );
	return $path === '/1.1/comment-check' ? held_unless_answered( $answer ) : $answer;
}

/** Returns the parameters in a body or a query. */
function parameters( $sent ): array {
	if ( is_array( $sent ) ) {
		return $sent;
	}
	wp_parse_str( (string) $sent, $found );
	return $found;
}

/** Returns whether the body or the query has a key. */
function names_a_key( $body, string $query ): bool {
	$sent = parameters( $body ) + parameters( $query );
	return ! empty( $sent['api_key'] ) || ! empty( $sent['key'] );
}

/** Returns the body with the key as a parameter, because the host name that had the key is replaced. */
function with_key( $body, string $key ) {
	if ( is_array( $body ) ) {
		return array( 'api_key' => $key ) + $body;
	}
	return ltrim( $body . '&api_key=' . rawurlencode( $key ), '&' );
}

/** Returns the headers without the Host header, which the plugin sets to Akismet's host. */
function without_host( $headers ): array {
	return array_filter(
		(array) $headers,
		function ( $name ) {
			return strtolower( (string) $name ) !== 'host';
		},
		ARRAY_FILTER_USE_KEY
	);
}

/**
 * Returns the server's answer to comment-check, or one that makes the plugin hold the comment and ask later.
 *
 * Every answer of the server has a guid; a proxy's error page has none. Newer plugins publish a comment whose answer
 * has no guid.
 */
function held_unless_answered( $answer ) {
	if ( ! is_wp_error( $answer ) && (string) wp_remote_retrieve_header( $answer, 'x-akismet-guid' ) !== '' ) {
		return $answer;
	}
	return array(
		'headers'  => array( 'x-akismet-guid' => bin2hex( random_bytes( 16 ) ) ),
		'body'     => 'no answer from Moderation',
		'response' => array( 'code' => 503, 'message' => 'Service Unavailable' ),
		'cookies'  => array(),
		'filename' => null,
	);
}

/** Forbids frames of other hosts in the page that is being opened. */
function show_no_foreign_frames() {
	header( "Content-Security-Policy: frame-src 'self'", false );
}

/** Shows administrators the line that wp-config.php lacks. */
function ask_for_the_address() {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	printf(
		'<div class="notice notice-warning"><p>%s <code>%s</code></p></div>',
		esc_html( 'Moderation for Akismet does nothing yet. Write the address of your server into wp-config.php:' ),
		esc_html( "define( 'MODERATION_URL', 'https://rest.example.org' );" )
	);
}
