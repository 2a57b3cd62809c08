"""The words of the standard: SOP classes, statuses, presentation contexts, reasons."""
