"""The simulators: exposure, heart, tumour and the course, which make Records that the same rules then judge."""
