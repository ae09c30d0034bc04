"""Use cases: taking requests in, delivering, and what people ask and do."""
