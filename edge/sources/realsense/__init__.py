"""Intel RealSense: live cameras, and the files that librealsense records."""
