//! MCP: wire, connections to servers, and the catalog of what they offer.
