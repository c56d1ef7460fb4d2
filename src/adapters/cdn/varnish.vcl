# Varnish 7 before Emaki, with vmod_xkey (Debian: varnish and varnish-modules). Include it, or take it over, with your own backend and ACL.
vcl 4.1;

import std;
import xkey;

backend default {
  .host = "127.0.0.1";
  .port = "3000";
}

# Who may purge: where Emaki runs.
acl purgers {
  "127.0.0.1";
  "::1";
}

sub vcl_recv {
  if (req.method == "PURGE") {
    if (client.ip !~ purgers) {
      return (synth(403, "Forbidden"));
    }
    if (req.http.purge-everything) {
      if (std.ban("obj.status != 0")) {
        return (synth(200, "Purged all"));
      }
      return (synth(500, std.ban_error()));
    }
    if (req.http.xkey-purge) {
      return (synth(200, "Purged " + xkey.purge(req.http.xkey-purge)));
    }
    if (req.http.xkey-softpurge) {
      return (synth(200, "Purged " + xkey.softpurge(req.http.xkey-softpurge)));
    }
    return (purge);
  }
  # Who asks to see a position must not get what was kept before it. In the URL it is a key of its own.
  if (req.http.Min-Position) {
    return (pass);
  }
}

sub vcl_backend_response {
  # Varnish does not know of CDN-Cache-Control (RFC 9213), nor xkey of Surrogate-Key.
  if (beresp.http.CDN-Cache-Control ~ "no-store") {
    set beresp.uncacheable = true;
    set beresp.ttl = 0s;
    return (deliver);
  }
  if (beresp.http.CDN-Cache-Control ~ "(^|[ ,])max-age=[0-9]+") {
    set beresp.ttl = std.duration(regsub(beresp.http.CDN-Cache-Control, "^(.*[ ,])?max-age=([0-9]+).*$", "\2s"), 0s);
    set beresp.grace = 0s;
  }
  if (beresp.http.CDN-Cache-Control ~ "stale-while-revalidate=[0-9]+") {
    set beresp.grace = std.duration(regsub(beresp.http.CDN-Cache-Control, "^.*stale-while-revalidate=([0-9]+).*$", "\1s"), 0s);
  }
  set beresp.http.xkey = beresp.http.Surrogate-Key;
}

sub vcl_deliver {
  unset resp.http.xkey;
  unset resp.http.Surrogate-Key;
  unset resp.http.Cache-Tag;
  unset resp.http.CDN-Cache-Control;
}
