"""Values to rows and back, in the column order of sql/queries/. One module per subject."""
