// The theme: light, dark, or what the system prefers. A classic script in the head, so that nothing is painted twice.
(() => {
  const THEMES = ["auto", "light", "dark"];
  const system = matchMedia("(prefers-color-scheme: dark)");

  function remembered() {
    try {
      return localStorage.getItem("mesoscale-theme") ?? "auto";
    } catch {
      return "auto"; // storage may be forbidden
    }
  }

  let theme = THEMES.includes(remembered()) ? remembered() : "auto";

  function apply() {
    const dark = theme === "dark" || (theme === "auto" && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    document.dispatchEvent(new Event("themechange"));
  }

  function show(button) {
    button.firstElementChild.textContent = theme[0].toUpperCase() + theme.slice(1);
    button.setAttribute("aria-label", `Colour theme: ${theme}`);
  }

  function choose(button) {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try {
      localStorage.setItem("mesoscale-theme", theme);
    } catch {
      // then it lasts as long as the page
    }
    apply();
    show(button);
  }

  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    show(button);
    button.addEventListener("click", () => choose(button));
  });
})();
