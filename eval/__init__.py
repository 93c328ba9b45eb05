"""Evaluation of the real pipeline on data sets in BEIR's layout."""
