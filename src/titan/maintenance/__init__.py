"""What goes on beside the jobs: retention, disk space, notifications, stalls."""
