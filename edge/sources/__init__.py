"""Where samples come from: cameras, microphones, files; each imports its hardware itself."""
