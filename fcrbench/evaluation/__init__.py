"""Scores networks on annotated fields, degrades images, and reads the files of finished runs."""
