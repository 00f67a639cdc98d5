"""The OpenAI protocol: HTTP, request bodies, replies, batches, endpoints."""
