"""Findings as text, JSON, JUnit, SARIF and GitHub annotations."""
