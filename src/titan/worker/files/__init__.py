"""Handles files of jobs on a worker: folders, workspaces, scripts, collected files."""
