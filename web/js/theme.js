// The theme: the system's, light or dark; kept in this browser.

const key = 'stint-theme';
const order = ['system', 'light', 'dark'];

export function storedTheme() {
  const { theme } = document.documentElement.dataset;
  return order.includes(theme) ? theme : 'system';
}

export const themeAfter = (theme) => order[(order.indexOf(theme) + 1) % order.length];

export function applyTheme(theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, theme);
  } catch {
    // No storage: it holds until the page is closed.
  }
}
