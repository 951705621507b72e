// SPDX-License-Identifier: Apache-2.0

// Command caddy is Caddy as a reverse proxy over HTTP: its other modules would double the time to build it.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp"              // the server and its matchers
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy" // the handler reverse_proxy
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"      // the handler rewrite
)

func main() { caddycmd.Main() }
