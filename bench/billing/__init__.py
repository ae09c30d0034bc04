"""A billing run at volume: from its request to all drafts, then the approval of all."""
