"""What an MR scanner does to an image when it measures too little, or the patient moves."""
