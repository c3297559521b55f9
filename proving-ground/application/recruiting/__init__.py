"""Jobs, candidates, applications, and what comes from applicant tracking systems."""
