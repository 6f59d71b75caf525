"""Stock from files and addresses: read into raw records, into typed rows, checked, applied.

`import_stock` is the whole of it; what each known layout calls its columns is data in `mapping`.
"""

from inventory.importing.report import ImportRefused, Report, TooManyMissing
from inventory.importing.running import FORMATS, ImportOptions, import_stock

__all__ = ["FORMATS", "ImportOptions", "ImportRefused", "Report", "TooManyMissing", "import_stock"]
