"""HTTP: clients, exchanges, event streams, and the transport below them."""
