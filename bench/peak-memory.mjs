// Loaded before a program with --import: writes the most memory that its process had, in kB, into PEAK_MEMORY_FILE.
import { writeFileSync } from 'node:fs';

process.on('exit', () =>
  writeFileSync(process.env.PEAK_MEMORY_FILE, String(process.resourceUsage().maxRSS)),
);
