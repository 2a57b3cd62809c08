"""Captures of networks: what tcpdump, dumpcap and Wireshark write, read with dpkt (the extra ``trace``)."""
