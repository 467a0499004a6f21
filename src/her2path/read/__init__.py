"""From records as they are kept to specimens with facts."""
