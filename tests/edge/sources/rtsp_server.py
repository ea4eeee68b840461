"""A camera on the network: rtsp_server.py PORT [--mute] [--password NAME PASSWORD].

Prints its port once it listens; 0 takes a free one.
"""

from __future__ import annotations

import sys
from typing import Any

import gi

PICTURES = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,"
    "framerate=15/1 ! jpegenc ! rtpjpegpay name=pay0 pt=26"
)
SOUND = "audiotestsrc is-live=true ! audio/x-raw,rate=8000 ! mulawenc ! rtppcmupay name=pay1 pt=0"
ROLE = "viewer"


def main(port: str, *options: str) -> None:
    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(port)
    media = GstRtspServer.RTSPMediaFactory.new()
    media.set_launch(f"( {PICTURES} )" if "--mute" in options else f"( {PICTURES} {SOUND} )")
    if "--password" in options:
        name, password = options[options.index("--password") + 1 :][:2]
        protect(GstRtspServer, Gst, server, media, name, password)
    server.get_mount_points().add_factory("/room", media)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


def protect(rtsp: Any, gst: Any, server: Any, media: Any, name: str, password: str) -> None:
    """Show pictures to one viewer only."""
    rights = "media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    media.add_role_from_structure(gst.Structure.new_from_string(f"{ROLE}, {rights}"))
    token = rtsp.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    guard = rtsp.RTSPAuth.new()
    guard.add_basic(rtsp.RTSPAuth.make_basic(name, password), token)
    server.set_auth(guard)


if __name__ == "__main__":
    main(*sys.argv[1:])
