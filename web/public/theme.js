// Before the first paint: the theme that was chosen, if one was.
try {
  const theme = localStorage.getItem('taut-theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme is used.
}
