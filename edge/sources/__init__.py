"""Where samples come from: cameras, microphones, files. Hardware is imported inside its own module only."""
