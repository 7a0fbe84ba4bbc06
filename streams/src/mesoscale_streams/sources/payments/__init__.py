"""Made-up card payments: who pays where, and how fraud looks. `payments.frame.make` is the way in."""
