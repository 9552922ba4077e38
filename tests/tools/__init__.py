"""What several tests use: results made by hand, a browser, readers that are not ours, busy processes."""
