"""Every face of the service: command line, HTTP, and the wiring of the other rooms."""
