"""Invoice emails, templates and the delivery log."""
