"""Results as files to read: JSON, Markdown, a self-contained page, and tables on the terminal."""
