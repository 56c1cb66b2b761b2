"""What engines are measured with: pairs with known truth, phantoms, words."""
