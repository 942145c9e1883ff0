"""Pages in a real browser: `make browser`. Needs Chromium and npm; never skipped."""
