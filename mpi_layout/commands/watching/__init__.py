"""What `status --watch` shows, and how it listens; `commands.watch` brings it together."""
