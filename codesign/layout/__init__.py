"""What all layout views share: technology, drawing, design rules, extraction, comparison."""
