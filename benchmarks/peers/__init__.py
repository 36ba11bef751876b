"""Other spam filters and scikit-learn pipelines, trained and tested on the same comments as ours."""
