"""From findings and tables to what people and programs read."""
