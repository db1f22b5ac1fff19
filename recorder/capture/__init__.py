"""Sources of builds while they run or after: the wrappers around a build command."""
