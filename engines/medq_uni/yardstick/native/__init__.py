"""What MR and PET are judged by in their own terms: ghosts, edges, uptake."""
