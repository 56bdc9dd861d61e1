ca
