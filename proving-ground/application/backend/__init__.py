"""The Django project: settings, routes, and which version of each endpoint is served."""
