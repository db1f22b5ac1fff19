"""Why a build took what it took: comparisons of builds, their causes, and what would help."""
