"""Background work beside the jobs: retention, disk space, notifications, stalls."""
