"use strict";
// Rows of a table are put in order by a click on a column's head: once up, once down. Empty cells come last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, index) => {
    const number = head.classList.contains("number");
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      // Of numbers the largest are asked for first, of names the first ones.
      const descending = head.ariaSort ? head.ariaSort === "ascending" : number;
      for (const other of table.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const value = (row) => {
        const cell = row.cells[index];
        return number ? parseFloat(cell.dataset.value) : cell.textContent;
      };
      const compare = (a, b) => {
        if (!number) return a.localeCompare(b, "en", { numeric: true });
        return (isNaN(a) || isNaN(b)) ? 0 : a - b;
      };
      const rows = [...body.rows].map((row) => [value(row), row]);
      rows.sort(([a], [b]) => number && isNaN(a) !== isNaN(b)
        ? isNaN(a) - isNaN(b) : (descending ? -1 : 1) * compare(a, b));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
