"""Tables and plots of evaluation records."""
