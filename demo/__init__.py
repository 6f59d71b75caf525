"""The demo dealership: its stock, its photos and its visitors, made up for newcomers to try."""
